package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench}: sends many requests and tells how long they took. */
@Command(name = "bench", description = "Sends many requests and tells how long they took.")
final class BenchCommand extends ImageCommand {
  @Option(
      names = "-c",
      paramLabel = "COUNT",
      description = "How many requests; 75000 when not given.")
  int count = 75_000;

  @Option(
      names = "-d",
      paramLabel = "DEPTH",
      description = "How many at a time; 64 when not given.")
  int depth = 64;

  @Option(names = "-s", paramLabel = "SIZE", description = "Bytes a request; 4k when not given.")
  String size = "4k";

  @Option(
      names = "-S",
      paramLabel = "STEP",
      description = "Bytes from one request to the next; those of -s when not given.")
  @Nullable String step;

  @Option(names = "-o", paramLabel = "OFFSET", description = "Where to begin.")
  String offset = "0";

  @Option(names = "-w", description = "Write rather than read.")
  boolean write;

  @Option(
      names = "--pattern",
      paramLabel = "BYTE",
      description = "With -w: the byte to write; 0 when not given.")
  int pattern;

  @Option(
      names = "--flush-interval",
      paramLabel = "N",
      description = "With -w: flush after every N requests.")
  int flushInterval;

  @Option(names = "--no-drain", description = "Do not wait for a flush before going on.")
  boolean noDrain;

  @Option(
      names = {"-n", "-i"},
      hidden = true,
      arity = "0..1")
  @Nullable String ignored;

  @Option(
      names = "-t",
      paramLabel = "CACHE",
      description = "What a flush waits for: none, writeback, writethrough, directsync, unsafe.")
  String cache = "writeback";

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  BenchCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    int bytes = (int) Math.min(size(size), 64 << 20);
    long stride = step == null ? bytes : size(step);
    long start = size(offset);
    try (OpenedImage opened = open(image, format, write)) {
      BlockDevice device = opened.device();
      if (start + bytes > device.size() || bytes <= 0) {
        throw new UsageException("The request does not fit into the image");
      }
      say(
          "Sending "
              + count
              + (write ? " write" : " read")
              + " requests, "
              + bytes
              + " bytes each, "
              + depth
              + " in parallel (starting at offset "
              + start
              + ", step size "
              + stride
              + ")");
      if (flushInterval > 0) {
        say("Sending flush every " + flushInterval + (noDrain ? "" : " drained") + " requests");
      }
      long begin = System.nanoTime();
      send(device, bytes, stride, start);
      say(
          String.format(
              Locale.ROOT, "Run completed in %3.3f seconds.", (System.nanoTime() - begin) / 1e9));
    }
    return 0;
  }

  private void send(BlockDevice device, int bytes, long stride, long start) throws IOException {
    long room = device.size() - start - bytes + 1;
    AtomicInteger next = new AtomicInteger();
    int threads = Math.max(1, Math.min(depth, Runtime.getRuntime().availableProcessors()));
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> all = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        all.add(
            pool.submit(
                () -> {
                  ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
                  while (buffer.hasRemaining()) {
                    buffer.put((byte) pattern);
                  }
                  for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                    long at = start + i * stride % room;
                    buffer.clear();
                    if (write) {
                      device.write(at, buffer);
                      if (flushInterval > 0 && (i + 1) % flushInterval == 0) {
                        device.flush();
                      }
                    } else {
                      device.read(at, buffer);
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> each : all) {
        each.get();
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
