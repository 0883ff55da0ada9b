"""From kinetic solutions to trained closures: labels, losses, the loop over epochs, exploration."""
