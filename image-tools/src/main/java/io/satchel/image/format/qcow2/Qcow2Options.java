package io.satchel.image.format.qcow2;

import org.jspecify.annotations.Nullable;

/**
 * What a new image is to be like.
 *
 * @param size the disk's size in bytes
 * @param version 2 or 3 (qemu-img's compat 0.10 and 1.1)
 * @param clusterBits the logarithm of the cluster size, 9 to 21
 * @param refcountOrder the logarithm of the width of a reference count in bits, 0 to 6
 * @param backingName the backing file's name as it is to be written, or null
 * @param backingFormat its format; never guess a guest-writable file's format later
 * @param dataFile the external data file's name, or null
 */
public record Qcow2Options(
    long size,
    int version,
    int clusterBits,
    int refcountOrder,
    boolean lazyRefcounts,
    boolean zstd,
    boolean extendedL2,
    @Nullable String backingName,
    @Nullable String backingFormat,
    @Nullable String dataFile,
    boolean dataFileRaw) {
  /** What qemu-img makes by default: version 3, 64 KiB clusters, 16-bit counts. */
  public static Qcow2Options ofSize(long size) {
    return new Qcow2Options(size, 3, 16, 4, false, false, false, null, null, null, false);
  }

  public Qcow2Options withVersion(int newVersion) {
    return new Qcow2Options(
        size,
        newVersion,
        clusterBits,
        refcountOrder,
        lazyRefcounts,
        zstd,
        extendedL2,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  public Qcow2Options withClusterBits(int bits) {
    return new Qcow2Options(
        size,
        version,
        bits,
        refcountOrder,
        lazyRefcounts,
        zstd,
        extendedL2,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  public Qcow2Options withRefcountOrder(int order) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        order,
        lazyRefcounts,
        zstd,
        extendedL2,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  public Qcow2Options withLazyRefcounts(boolean lazy) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        refcountOrder,
        lazy,
        zstd,
        extendedL2,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  public Qcow2Options withZstd(boolean on) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        refcountOrder,
        lazyRefcounts,
        on,
        extendedL2,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  public Qcow2Options withExtendedL2(boolean on) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        refcountOrder,
        lazyRefcounts,
        zstd,
        on,
        backingName,
        backingFormat,
        dataFile,
        dataFileRaw);
  }

  /** Over a backing file. */
  public Qcow2Options withBacking(@Nullable String name, @Nullable String format) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        refcountOrder,
        lazyRefcounts,
        zstd,
        extendedL2,
        name,
        format,
        dataFile,
        dataFileRaw);
  }

  /** With the data in a file of its own. */
  public Qcow2Options withDataFile(@Nullable String name, boolean raw) {
    return new Qcow2Options(
        size,
        version,
        clusterBits,
        refcountOrder,
        lazyRefcounts,
        zstd,
        extendedL2,
        backingName,
        backingFormat,
        name,
        raw);
  }
}
