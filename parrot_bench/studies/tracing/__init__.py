"""The tracing study: what does observability cost?"""
