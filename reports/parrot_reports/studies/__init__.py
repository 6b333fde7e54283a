"""What each study says: its sentences and the rows of its tables, a file a study."""
