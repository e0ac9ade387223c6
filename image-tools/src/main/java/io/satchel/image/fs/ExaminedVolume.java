package io.satchel.image.fs;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A file system that is examined once, when it is found; free space is told when all is well. */
abstract class ExaminedVolume implements Volume {
  protected final Region region;
  private @Nullable String problem;
  private boolean foreign;

  ExaminedVolume(Region region) {
    this.region = region;
  }

  /** This, examined. */
  final ExaminedVolume examined() throws IOException {
    problem = examine();
    return this;
  }

  /** Why its free space is not to be trusted, as a clause, or null. */
  abstract @Nullable String examine() throws IOException;

  /** A reason that no shutdown of the guest changes. */
  final String foreign(String reason) {
    foreign = true;
    return reason;
  }

  @Override
  public final @Nullable String unsafe() {
    return problem;
  }

  @Override
  public final String remedy() {
    return foreign ? FILL_WITH_ZEROS : Volume.super.remedy();
  }

  @Override
  public final boolean counts() {
    return problem == null;
  }

  @Override
  public final void forEachFree(Range visitor) throws IOException {
    if (problem == null) {
      tellFree(visitor);
    }
  }

  /** {@link #forEachFree} where nothing was found wrong. */
  abstract void tellFree(Range visitor) throws IOException;
}
