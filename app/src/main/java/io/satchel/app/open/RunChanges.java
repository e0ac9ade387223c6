package io.satchel.app.open;

import io.satchel.image.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a run writes, and what may become of it at the end. */
public interface RunChanges {

  /** What to run. */
  RunRequest request();

  /** Drives of a machine that is kept; empty for a picked image. */
  List<Slot> slots();

  /** What the machine is called. */
  String name();

  /** The file that changes are kept in, or {@code null} when this run keeps none. */
  @Nullable Path file();

  /** Whether changes of earlier runs stay when this run's are thrown away. */
  boolean layered();

  /** Keeps what was written; only after the session has been closed. */
  void keep(Progress progress) throws IOException;

  /** Throws this run's changes away; only after the session has been closed. */
  void discard() throws IOException;

  /** Removes the files that this run has made and not written to. */
  void tidy() throws IOException;
}
