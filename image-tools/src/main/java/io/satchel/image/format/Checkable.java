package io.satchel.image.format;

import java.io.IOException;

/** An image that can be searched for contradictions. */
public interface Checkable {
  /** Whether it can be repaired, too. */
  boolean repairable();

  /**
   * Looks for contradictions.
   *
   * @param leaks give back space that nothing refers to
   * @param errors repair what contradicts itself
   */
  CheckReport check(boolean leaks, boolean errors) throws IOException;
}
