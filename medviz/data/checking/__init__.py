"""What is wrong with a data set before an hour is lost on it, and what it is like: the check report."""
