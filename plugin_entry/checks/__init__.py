"""Is this address, key or model all right: the checks of the forms and the doctor."""
