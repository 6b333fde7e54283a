"""The streaming study: when does the first chunk come, and what does each further one cost?"""
