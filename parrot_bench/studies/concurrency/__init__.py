"""The concurrency study: what do ``max_concurrency`` and batch size buy, and what stops them?"""
