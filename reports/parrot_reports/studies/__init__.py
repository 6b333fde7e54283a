"""What each study says, in words and tables: one file a study."""
