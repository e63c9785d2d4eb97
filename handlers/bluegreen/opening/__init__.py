"""Opening a deployment: what is checked before anything is changed, and what is planned."""
