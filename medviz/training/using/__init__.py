"""What a trained network is used for: models of all kinds, scans labelled, pictures named, boxes found, exports."""
