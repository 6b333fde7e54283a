"""The growth study: does anything grow over many calls?"""
