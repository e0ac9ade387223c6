package io.satchel.image.format.qcow2;

import io.satchel.image.format.Unzip;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.util.zstd.ZSTDInBuffer;
import org.lwjgl.util.zstd.ZSTDOutBuffer;
import org.lwjgl.util.zstd.Zstd;

/**
 * Packs and unpacks single clusters: raw deflate or one zstd frame. The stored length is rounded up
 * to sectors, so what follows the end of the stream is ignored, and unpacking stops after one
 * cluster whatever the stream would still give. Not thread-safe; one a thread.
 */
public final class ClusterCodec implements AutoCloseable {
  private final int type;
  private final int clusterSize;
  private static final int SAMPLE = 4096;

  /** The level that balances time and space, of zlib and of zstd. */
  public static final int LEVEL = 3;

  private static final int FASTER = 2;

  private @Nullable ClusterCodec sampler;
  private @Nullable Inflater inflater;

  /** One a level: to change the level of one takes a call that packs nothing. */
  private final @Nullable Deflater[] deflaters = new Deflater[Deflater.BEST_COMPRESSION + 1];

  private long zstdReader;
  private long zstdWriter;

  ClusterCodec(int type, int clusterSize) {
    this.type = type;
    this.clusterSize = clusterSize;
  }

  /** A codec for clusters of that size. */
  public static ClusterCodec of(boolean zstd, int clusterSize) {
    return new ClusterCodec(
        zstd ? Qcow2Header.COMPRESSION_ZSTD : Qcow2Header.COMPRESSION_ZLIB, clusterSize);
  }

  /**
   * How hard a cluster is to be packed; 0 when packing does not pay. Two samples of a large cluster
   * tell: packed data does not pack again, and finding that out on the whole of it is most of the
   * time that compressing takes.
   *
   * <p>Level 3 balances time and space best. Where the sample shrinks by less than half, zlib's
   * level 2 makes clusters 2 % larger in three quarters of the time.
   */
  public int level(byte[] cluster) throws IOException {
    if (clusterSize < 8 * SAMPLE) {
      return LEVEL;
    }
    if (sampler == null) {
      sampler = new ClusterCodec(type, SAMPLE);
    }
    for (int part = 1; part <= 2; part++) {
      int from = part * clusterSize / 3;
      byte[] sample = Arrays.copyOfRange(cluster, from, from + SAMPLE);
      int packed = sampler.pack(sample, new byte[SAMPLE - SAMPLE / 32], 1);
      if (packed > 0) {
        return packed > SAMPLE / 2 && type == Qcow2Header.COMPRESSION_ZLIB ? FASTER : LEVEL;
      }
    }
    return 0;
  }

  /** Unpacks one cluster; false when the stream is broken or gives less than a cluster. */
  public boolean unpack(byte[] packed, int length, byte[] cluster) {
    return type == Qcow2Header.COMPRESSION_ZSTD
        ? unzstd(packed, length, cluster)
        : inflate(packed, length, cluster);
  }

  private boolean inflate(byte[] packed, int length, byte[] cluster) {
    Inflater z = inflater;
    if (z == null) {
      z = new Inflater(true);
      inflater = z;
    }
    z.reset();
    return Unzip.fill(z, packed, length, cluster, clusterSize);
  }

  private boolean unzstd(byte[] packed, int length, byte[] cluster) {
    if (zstdReader == 0) {
      zstdReader = Zstd.ZSTD_createDCtx();
    }
    Zstd.ZSTD_DCtx_reset(zstdReader, Zstd.ZSTD_reset_session_only);
    ByteBuffer in = MemoryUtil.memAlloc(length);
    ByteBuffer out = MemoryUtil.memAlloc(clusterSize);
    try (MemoryStack stack = MemoryStack.stackPush()) {
      in.put(packed, 0, length).flip();
      ZSTDInBuffer input = ZSTDInBuffer.calloc(stack).src(in).pos(0);
      ZSTDOutBuffer output = ZSTDOutBuffer.calloc(stack).dst(out).pos(0);
      while (output.pos() < clusterSize) {
        long before = input.pos() + output.pos();
        long rest = Zstd.ZSTD_decompressStream(zstdReader, output, input);
        if (Zstd.ZSTD_isError(rest)) {
          return false;
        }
        if (input.pos() + output.pos() == before || rest == 0 && output.pos() < clusterSize) {
          return false;
        }
      }
      out.get(0, cluster, 0, clusterSize);
      return true;
    } finally {
      MemoryUtil.memFree(in);
      MemoryUtil.memFree(out);
    }
  }

  /**
   * Packs one cluster.
   *
   * @return the packed length, or -1 when it does not fit into {@code packed}
   */
  public int pack(byte[] cluster, byte[] packed, int level) throws IOException {
    return type == Qcow2Header.COMPRESSION_ZSTD
        ? zstd(cluster, packed, level)
        : deflate(cluster, packed, level);
  }

  private int deflate(byte[] cluster, byte[] packed, int level) {
    Deflater z = deflaters[level];
    if (z == null) {
      z = new Deflater(level, true);
      deflaters[level] = z;
    }
    z.reset();
    z.setInput(cluster, 0, clusterSize);
    z.finish();
    int done = 0;
    while (!z.finished()) {
      int n = z.deflate(packed, done, packed.length - done);
      done += n;
      if (n == 0 && !z.finished()) {
        return -1;
      }
    }
    return done;
  }

  private int zstd(byte[] cluster, byte[] packed, int level) {
    if (zstdWriter == 0) {
      zstdWriter = Zstd.ZSTD_createCCtx();
    }
    ByteBuffer in = MemoryUtil.memAlloc(clusterSize);
    ByteBuffer out = MemoryUtil.memAlloc(packed.length);
    try {
      in.put(cluster, 0, clusterSize).flip();
      long n = Zstd.ZSTD_compressCCtx(zstdWriter, out, in, level);
      if (Zstd.ZSTD_isError(n)) {
        return -1;
      }
      out.get(0, packed, 0, (int) n);
      return (int) n;
    } finally {
      MemoryUtil.memFree(in);
      MemoryUtil.memFree(out);
    }
  }

  @Override
  public void close() {
    if (sampler != null) {
      sampler.close();
      sampler = null;
    }
    if (inflater != null) {
      inflater.end();
      inflater = null;
    }
    for (int level = 0; level < deflaters.length; level++) {
      Deflater z = deflaters[level];
      if (z != null) {
        z.end();
        deflaters[level] = null;
      }
    }
    if (zstdReader != 0) {
      Zstd.ZSTD_freeDCtx(zstdReader);
      zstdReader = 0;
    }
    if (zstdWriter != 0) {
      Zstd.ZSTD_freeCCtx(zstdWriter);
      zstdWriter = 0;
    }
  }
}
