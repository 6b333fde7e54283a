"""A ready-made suite for any chat model: what each mode costs, and whether it does what it should.

It is run by ``pytest --pyargs parrot_bench.suite --chat-model my_app.llm:make_model``.
"""
