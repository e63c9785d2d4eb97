"""What people ask for: the request, its parts, and how a wrong field is told. Pure: no clock, no AWS, no logging."""
