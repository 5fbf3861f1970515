"""From a network and its rows to what a person holds: summaries, intervals, tests, predictions with errors, pictures.

The methods of `twolayer.Result` call what is here when they are asked.
"""
