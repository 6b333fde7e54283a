"""Under load: what users see at a given arrival rate, or with so many calls in flight."""
