"""The process that renders by VTK. It is run, never imported: a contract of the house keeps VTK in here."""
