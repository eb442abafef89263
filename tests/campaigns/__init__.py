"""Long campaigns, run by hand: `python -m tests.campaigns.kills`. They print their figures."""
