package io.satchel.vm.api;

import java.util.concurrent.CompletableFuture;

/** A snapshot that is being saved while the machine runs on. Its methods return at once. */
public interface Saving {

  /**
   * What came of it: completes when the snapshot is on the medium, or with a {@link
   * SnapshotException}, another {@code IOException}, or a {@code CancellationException}. Whatever
   * goes wrong leaves the disk and its earlier snapshots as they are.
   */
  CompletableFuture<Saved> done();

  /** How far it is, 0 to 1. */
  double progress();

  /** Gives it up, unless it is done. */
  void cancel();

  /**
   * @param stoppedNanos how long the computer stood still
   * @param nanos how long it took in all
   */
  record Saved(Snapshot snapshot, long stoppedNanos, long nanos) {}
}
