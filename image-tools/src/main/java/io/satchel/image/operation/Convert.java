package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Pages;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.PackedClusters;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Copies the content of disks, one behind the other, onto a disk of any format. */
public final class Convert {
  private static final int CHUNK = 2 << 20;
  private static final int GRAIN = 4096;

  /**
   * How to copy.
   *
   * @param compress pack the target's clusters; its format must be able to
   * @param sparseBytes so many zeros in a row are left out; 0 writes everything
   * @param targetIsZero the target reads as zeros already, so zeros need not be written
   * @param copyLayers how many layers of the source are copied; fewer than all when the target lies
   *     over the rest
   * @param salvage unreadable pieces become zeros
   * @param threads how many processors packing may use
   */
  public record Options(
      boolean compress,
      int sparseBytes,
      boolean targetIsZero,
      int copyLayers,
      boolean salvage,
      int threads) {
    /** A plain copy into a new image. */
    public static Options plain() {
      return new Options(
          false, GRAIN, true, Integer.MAX_VALUE, false, Runtime.getRuntime().availableProcessors());
    }

    public Options withCompress(boolean on) {
      return new Options(on, sparseBytes, targetIsZero, copyLayers, salvage, threads);
    }

    public Options withSparseBytes(int bytes) {
      return new Options(compress, bytes, targetIsZero, copyLayers, salvage, threads);
    }

    public Options withTargetIsZero(boolean zero) {
      return new Options(compress, sparseBytes, zero, copyLayers, salvage, threads);
    }

    public Options withCopyLayers(int layers) {
      return new Options(compress, sparseBytes, targetIsZero, layers, salvage, threads);
    }

    public Options withSalvage(boolean on) {
      return new Options(compress, sparseBytes, targetIsZero, copyLayers, on, threads);
    }

    public Options withThreads(int count) {
      return new Options(compress, sparseBytes, targetIsZero, copyLayers, salvage, count);
    }
  }

  private final List<OpenedImage> sources;
  private final LayeredDevice target;
  private final Options options;
  private final Progress progress;
  private final long total;

  private Convert(
      List<OpenedImage> sources, LayeredDevice target, Options options, Progress progress) {
    this.sources = sources;
    this.target = target;
    this.options =
        options.targetIsZero() && !target.newReadsAsZeros()
            ? options.withTargetIsZero(false)
            : options;
    this.progress = progress;
    this.total = sources.stream().mapToLong(s -> s.device().size()).sum();
  }

  /**
   * Copies.
   *
   * @throws Cancelled if the listener stopped it
   */
  public static void run(
      List<OpenedImage> sources, LayeredDevice target, Options options, Progress progress)
      throws IOException {
    Convert convert = new Convert(sources, target, options, progress);
    if (options.compress()) {
      convert.packed();
    } else {
      convert.plain();
    }
    target.flush();
    Compare.tell(progress, convert.total, convert.total);
  }

  // --- Plain ---

  private void plain() throws IOException {
    ArrayDeque<Pending> underWay = new ArrayDeque<>();
    try (ReadAhead ahead = new ReadAhead(readers(), CHUNK)) {
      long base = 0;
      for (OpenedImage source : sources) {
        BlockMap map = new BlockMap(source);
        long size = source.device().size();
        for (long at = 0; at < size; ) {
          Compare.tell(progress, base + at, total);
          Range range = map.at(at, size - at, layers(source));
          if (range.data()) {
            copy(source.device(), at, base + at, range.length(), ahead, underWay);
          } else if (range.zero() && (range.present() || layers(source) >= source.chain().size())) {
            zero(base + at, range.length());
          }
          at += range.length();
        }
        base += size;
      }
      while (!underWay.isEmpty()) {
        finish(underWay.remove(), ahead);
      }
    }
  }

  /** One reads while another writes; what takes computing to be read is read by several. */
  private int readers() {
    boolean encrypted =
        sources.stream()
            .anyMatch(
                source ->
                    source.chain().stream()
                        .anyMatch(layer -> ((LayeredDevice) layer.device()).encrypted()));
    return encrypted ? options.threads() : 1;
  }

  private int layers(OpenedImage source) {
    return Math.min(options.copyLayers(), source.chain().size());
  }

  private void zero(long at, long length) throws IOException {
    if (options.sparseBytes() == 0) {
      ByteBuffer zeros = Pages.allocate((int) Math.min(CHUNK, length));
      for (long done = 0; done < length; done += zeros.limit()) {
        zeros.clear().limit((int) Math.min(CHUNK, length - done));
        target.write(at + done, zeros);
      }
    } else if (!options.targetIsZero()) {
      target.writeZeroes(at, length, true);
    }
  }

  /** A piece that is being read, and where on the target it belongs. */
  private record Pending(ReadAhead.Begun read, long to) {}

  private void copy(
      BlockDevice from,
      long at,
      long to,
      long length,
      ReadAhead ahead,
      ArrayDeque<Pending> underWay)
      throws IOException {
    for (long done = 0; done < length; ) {
      int n = (int) Math.min(length - done, CHUNK - (at + done) % CHUNK);
      long here = at + done;
      underWay.add(new Pending(ahead.begin(n, into -> read(from, here, into)), to + done));
      if (underWay.size() >= ahead.depth()) {
        finish(underWay.remove(), ahead);
      }
      done += n;
    }
  }

  private void finish(Pending pending, ReadAhead ahead) throws IOException {
    Compare.tell(progress, pending.to(), total);
    ByteBuffer chunk = ahead.await(pending.read());
    write(pending.to(), chunk);
    ahead.done(pending.read());
  }

  private void read(BlockDevice from, long at, ByteBuffer into) throws IOException {
    try {
      from.read(at, into);
    } catch (IOException e) {
      if (!options.salvage()) {
        throw e;
      }
      salvage(from, at, into.rewind());
    }
  }

  private static void salvage(BlockDevice from, long at, ByteBuffer into) throws IOException {
    int limit = into.limit();
    for (int done = 0; done < limit; done += 512) {
      into.limit(Math.min(limit, done + 512)).position(done);
      try {
        from.read(at + done, into);
      } catch (IOException e) {
        // That is what salvaging means: what cannot be read becomes zeros.
        Zeros.fill(into.position(done));
      }
    }
    into.limit(limit);
  }

  /** Writes a chunk without its longer runs of zeros. */
  private void write(long to, ByteBuffer chunk) throws IOException {
    int grain = options.sparseBytes();
    if (grain == 0) {
      target.write(to, chunk);
      return;
    }
    int length = chunk.limit();
    int at = 0;
    while (at < length) {
      int end = at;
      boolean zero = isZero(chunk, at, Math.min(length, at + grain));
      while (end < length && isZero(chunk, end, Math.min(length, end + grain)) == zero) {
        end = Math.min(length, end + grain);
      }
      if (!zero) {
        target.write(to + at, chunk.clear().limit(end).position(at));
      } else if (!options.targetIsZero()) {
        target.writeZeroes(to + at, end - at, true);
      }
      at = end;
    }
  }

  private static boolean isZero(ByteBuffer chunk, int from, int to) {
    return Zeros.all(chunk.clear().limit(to).position(from));
  }

  // --- Packed ---

  /** A cluster on its way: packed, or plain when packing does not pay, or nothing when zero. */
  private record Ready(long guest, byte @Nullable [] packed, int length, byte @Nullable [] plain) {}

  private void packed() throws IOException {
    if (!(target instanceof Qcow2Device qcow2)) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          "The target",
          "is of a format that cannot be compressed",
          "choose qcow2 or leave out -c");
    }
    qcow2.packed().refuseIfEncrypted();
    if (sources.size() != 1) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          "The target",
          "cannot be compressed when several sources are joined",
          "join them first and compress the result");
    }
    OpenedImage source = sources.getFirst();
    int cluster = qcow2.clusterSize();
    Qcow2Device same =
        source.device() instanceof Qcow2Device d
                && d.clusterSize() == cluster
                && d.packed().zstd() == qcow2.packed().zstd()
            ? d
            : null;
    try (Packer packer = new Packer(qcow2.packed().zstd(), cluster, options.threads())) {
      ArrayDeque<Future<Ready>> underWay = new ArrayDeque<>();
      try {
        BlockMap map = new BlockMap(source);
        long size = source.device().size();
        for (long at = 0; at < size; ) {
          Range range = map.at(at, size - at, layers(source));
          if (!range.data()) {
            if (range.zero() && !options.targetIsZero() && range.present()) {
              drain(underWay, qcow2, 0);
              qcow2.writeZeroes(at, range.length(), true);
            }
            at += range.length();
            if (at % cluster != 0 && at < size) {
              at = skipOrStart(map, source, at, cluster, size, packer, underWay, qcow2);
            }
            continue;
          }
          at = at / cluster * cluster;
          start(
              source.device(),
              same,
              at,
              (int) Math.min(cluster, size - at),
              packer,
              underWay,
              qcow2);
          drain(underWay, qcow2, packer.depth());
          at += cluster;
          Compare.tell(progress, Math.min(at, size), total);
        }
        drain(underWay, qcow2, 0);
      } finally {
        underWay.forEach(f -> f.cancel(false));
      }
    }
  }

  /** A hole that ends inside a cluster: there may be data behind the hole. */
  private long skipOrStart(
      BlockMap map,
      OpenedImage source,
      long at,
      int cluster,
      long size,
      Packer packer,
      ArrayDeque<Future<Ready>> underWay,
      Qcow2Device qcow2)
      throws IOException {
    long start = at / cluster * cluster;
    long end = Math.min(size, start + cluster);
    for (long p = at; p < end; ) {
      Range range = map.at(p, end - p, layers(source));
      if (range.data()) {
        start(source.device(), null, start, (int) (end - start), packer, underWay, qcow2);
        drain(underWay, qcow2, packer.depth());
        break;
      }
      p += range.length();
    }
    return end;
  }

  private void start(
      BlockDevice from,
      @Nullable Qcow2Device same,
      long at,
      int length,
      Packer packer,
      ArrayDeque<Future<Ready>> underWay,
      Qcow2Device to)
      throws IOException {
    int cluster = to.clusterSize();
    underWay.add(
        packer.submit(
            codec -> {
              if (same != null) {
                PackedClusters.Packed packed = same.packed().read(at);
                if (packed != null) {
                  return new Ready(at, packed.bytes(), packed.length(), null);
                }
              }
              byte[] plain = new byte[cluster];
              ByteBuffer buffer = ByteBuffer.wrap(plain, 0, length);
              read(from, at, buffer);
              if (Zeros.all(plain, 0, cluster)) {
                return new Ready(at, null, 0, null);
              }
              if (same != null && length == cluster && same.packed().isStoredPlain(at)) {
                // The source did not find it worth packing.
                return new Ready(at, null, 0, plain);
              }
              byte[] room = new byte[cluster - 1];
              int level = codec.level(plain);
              int n = level > 0 ? codec.pack(plain, room, level) : -1;
              return n < 0 ? new Ready(at, null, 0, plain) : new Ready(at, room, n, null);
            }));
  }

  private void drain(ArrayDeque<Future<Ready>> underWay, Qcow2Device to, int keep)
      throws IOException {
    while (underWay.size() > keep) {
      Ready ready = Results.of(underWay.remove());
      if (ready.packed() != null) {
        to.packed().write(ready.guest(), ready.packed(), ready.length());
      } else if (ready.plain() != null) {
        int n = (int) Math.min(ready.plain().length, to.size() - ready.guest());
        to.write(ready.guest(), ByteBuffer.wrap(ready.plain(), 0, n));
      } else if (!options.targetIsZero()) {
        to.writeZeroes(ready.guest(), Math.min(to.clusterSize(), to.size() - ready.guest()), true);
      }
    }
  }
}
