"""What the clean model makes of a row as a whole, read off its pass, and off its response alone."""
