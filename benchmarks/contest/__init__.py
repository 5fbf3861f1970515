"""Problems, methods and the objective of the benchmark `recovery.py`."""
