"""How far a prediction is right: numbers in mm and ml, and for each number the place in the patient it comes from."""
