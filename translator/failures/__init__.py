"""The catalogue of refusals and what each of them means."""
