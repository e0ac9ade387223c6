package io.satchel.image.format.qcow2;

/**
 * One internal snapshot, for a list.
 *
 * @param vmStateSize bytes of the machine's state; 0 when there is none
 * @param diskSize bytes of the disk at that time
 * @param seconds its date, since 1970 and unsigned
 * @param nanos what comes to that
 * @param clockNanos how long the guest had run
 * @param instructions how many instructions it had run, or -1
 */
public record SnapshotInfo(
    String id,
    String name,
    long vmStateSize,
    long diskSize,
    int seconds,
    int nanos,
    long clockNanos,
    long instructions) {

  static SnapshotInfo of(Snapshot s) {
    return new SnapshotInfo(
        s.id(),
        s.name(),
        s.vmStateSize(),
        s.diskSize(),
        s.seconds(),
        s.nanos(),
        s.clockNanos(),
        s.instructions());
  }
}
