"""Tables of results on the embedded world, each beside the numbers of the paper it follows.

A table is one module here, named after paper and table (``diffusionseg_tab5``), so ``tools/reproduce.py`` finds it
without being told. It holds:

- ``TITLE``: one line;
- ``PAPER``: a :class:`~mmseg_gen.tables.contract.Paper`, the rows of the paper's numbers;
- ``CLAIMS``: :class:`~mmseg_gen.tables.contract.Claim` tuples, the orderings to be tested by paired differences;
- ``NOTE``: what differs from the paper's experiment, in plain words;
- ``run(context) -> list[Row]``: each row made by ``context.row(name, settings, compute)``, where ``compute()`` returns
  :class:`~mmseg_gen.tables.contract.Scores`. A row that an earlier run finished with the same settings and the same
  weights is read instead of computed.

Layer: above everything but ``cli``.
"""
