"""Lineage: OpenLineage events of a run, and the picture of it in the quality report."""
