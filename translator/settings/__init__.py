"""What users type into forms: credentials, base URL, headers, certificates."""
