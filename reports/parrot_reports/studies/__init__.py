"""What each study besides the first says: its sentences and the rows of its tables."""
