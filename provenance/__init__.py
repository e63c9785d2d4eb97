"""What the artifact and the tools are made of, as an SBOM; and the one digest that every build of the artifact has."""
