package io.satchel.image.operation;

import java.io.IOException;

/** The listener stopped the work. Nothing half-written is left behind. */
public final class Cancelled extends IOException {
  private static final long serialVersionUID = 1L;

  public Cancelled() {
    super("The work was stopped.");
  }
}
