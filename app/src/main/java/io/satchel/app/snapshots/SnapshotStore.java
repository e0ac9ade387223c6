package io.satchel.app.snapshots;

import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.TimelineFile;
import io.satchel.image.Answers;
import io.satchel.image.Progress;
import io.satchel.vm.api.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where a computer's snapshots are: in a machine that runs, or in the files of one that is off. */
public interface SnapshotStore {

  /** What the computer is called. */
  String name();

  /** The machine of the library that it is, or null. */
  @Nullable Entry entry();

  /** Whether the computer runs, so that its snapshots hold its memory too. */
  boolean live();

  List<Snapshot> list() throws IOException;

  /** The screen as a PNG, or null. */
  byte @Nullable [] picture(Snapshot snapshot) throws IOException;

  /** The screen as it is now or was last, or null. */
  @Nullable Path screen() throws IOException;

  void take(String name, Progress progress) throws IOException;

  /** Makes the computer what it was; the present is gone. */
  void restore(Snapshot snapshot) throws IOException;

  void delete(String name) throws IOException;

  /** The bytes that the computer's disks take on the host. */
  long taken() throws IOException;

  /** What is known beside the images. */
  TimelineFile file();

  void keep(TimelineFile file) throws IOException;

  /** The computer's hard disks as a snapshot has them, or as they are; null for the latter. */
  List<DiskLook> disks(@Nullable String snapshot) throws IOException;

  /** What was answered to questions that the disks raised. */
  Answers answers();

  /** The files that hold the snapshots, by the disk's unit; empty when it is no machine's. */
  Map<Integer, Path> layers() throws IOException;
}
