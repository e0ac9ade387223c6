package io.satchel.image.format;

import io.satchel.image.block.Watch;
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
  default CheckReport check(boolean leaks, boolean errors) throws IOException {
    return check(leaks, errors, Watch.NONE);
  }

  /** The same; the watch may stop it as long as nothing has been changed. */
  CheckReport check(boolean leaks, boolean errors, Watch watch) throws IOException;
}
