"""The overhead study: what does each mode cost over its floor and over the baseline?"""
