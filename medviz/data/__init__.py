"""Samples to learn from. A new data set is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

DATASETS: Catalog[Any] = Catalog(
    "data set",
    "medviz.datasets",
    {
        "mni152": Entry("medviz.data.samples:Mni152Tissue", "MNI152 tissue", "T1 with grey and white matter, CSF"),
        "decathlon": Entry("medviz.data.decathlon:Decathlon", "MSD folder", "imagesTr, labelsTr and dataset.json"),
        "paired": Entry(
            "medviz.data.paired:Paired", "Images and masks", "Two folders, two patterns, or x.tif, x_mask.tif"
        ),
        "total_segmentator": Entry(
            "medviz.data.total_segmentator:TotalSegmentator",
            "TotalSegmentator folder",
            "ct.nii.gz and a mask a structure",
        ),
        "bids": Entry("medviz.data.bids:Bids", "BIDS folder", "sub-… with segmentations below derivatives"),
        "instance_masks": Entry(
            "medviz.data.instance_masks:InstanceMasks", "Kaggle folder", "A folder a picture, a mask an object"
        ),
        "mask_table": Entry("medviz.data.tables:MaskTable", "Table of masks", "A CSV with paths of images and masks"),
        "arrays": Entry("medviz.data.arrays:Arrays", "Arrays (.npz)", "Images and masks as arrays in one file"),
        "dicom_seg": Entry(
            "medviz.data.dicom_seg:DicomSeg", "DICOM with SEG", "Series with their segmentation objects"
        ),
        "image_pairs": Entry(
            "medviz.data.image_pairs:ImagePairs", "Image pairs", "Two folders: what is given and what it is to become"
        ),
        "corrected": Entry(
            "medviz.data.corrected:Corrected", "Corrected cases", "A run's data with cases that you corrected"
        ),
        "phantoms": Entry("medviz.data.phantoms:Phantoms", "Phantoms", "Drawn by the program: balls and boxes"),
        "digits": Entry("medviz.data.digits:Digits", "Digits", "1,797 handwritten digits out of scikit-learn"),
        "class_folders": Entry("medviz.data.class_folders:ClassFolders", "Class folders", "A folder for each class"),
        "class_table": Entry(
            "medviz.data.tables:ClassTable", "Table of classes", "A CSV with paths of images and classes"
        ),
        "medmnist": Entry("medviz.data.medmnist:MedMnist", "MedMNIST file", "One of the MedMNIST sets, .npz"),
        "image_text": Entry(
            "medviz.data.image_text:ImageText", "Images and text", "A CSV of pictures with reports or notes"
        ),
        "captioned": Entry(
            "medviz.data.captioned:Captioned", "Captioned phantoms", "Drawn by the program, each with a sentence"
        ),
        "report_sentences": Entry(
            "medviz.data.sentences:ReportSentences", "Report sentences", "Our own sentences, or the lines of a text"
        ),
        "shapes": Entry("medviz.data.shapes:Shapes", "Shapes", "Drawn by the program: a ball, a box or a shell"),
        "drawn_boxes": Entry(
            "medviz.data.drawn_boxes:DrawnBoxes", "Shapes with boxes", "Drawn by the program, to be found"
        ),
        "voc": Entry("medviz.data.voc:Voc", "Pascal VOC folder", "Annotations, JPEGImages and ImageSets"),
        "coco": Entry("medviz.data.coco:Coco", "COCO folder", "Pictures with boxes in one annotations.json"),
        "instance_boxes": Entry(
            "medviz.data.instance_boxes:InstanceBoxes", "Masks as boxes", "A box round each object of Kaggle's masks"
        ),
        "yolo_txt": Entry("medviz.data.yolo_txt:YoloTxt", "YOLO folder", "A text of boxes beside each picture"),
        "points": Entry("medviz.data.points:Points", "Points", "Rings, grids, moons and spirals in the plane"),
    },
)
