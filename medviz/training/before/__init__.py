"""What is known of a training before it begins: what it takes, what suits the data, and trials that leave no trace."""
