"""Files in: one reader a format. The only room that knows nibabel, pydicom and SimpleITK."""
