"""From findings to words: the reasoners, found by the names of their files.

A reasoner is a file ``reasoning/NAME.py`` or a folder ``reasoning/NAME/`` whose ``__init__.py`` holds

``ABOUT``
    Who writes, as a fragment of the help of ``--llm``: "fixed words around the measured values". This constant makes
    the file a reasoner.
``open(spec, *, encoder, allow_remote, device, max_visual_tokens)``
    Returns a :class:`~looktwice.reasoning.base.Reasoner`; `spec` is what the user wrote behind ``--llm``.
``NAME``, ``SPECS`` and ``AUTHOR``, where they are needed
    Its name, if not that of the file. The forms of ``--llm`` that it answers to, if not its name alone; see
    ``reasoning.registry``. The sentence that reports print under its words (``Answer.author``).

The constants are literals: help texts and errors are composed from them, and nothing is imported before it is used.
``grounding/`` holds the words against what was measured; ``prompt``, ``prompt_embedding``, ``generation``,
``loading_logs`` and ``view_budget`` are what several language models share.
"""
