package io.satchel.image.cli;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.Qcow2Options;
import io.satchel.image.operation.CopyOnRead;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code io}: exercises a disk by qemu-io's words. */
@Command(
    name = "io",
    description = {
      "Reads and writes a disk by single commands, in the words of qemu-io.",
      "Commands come from -c or, without it, from standard input; `io -c help` lists them."
    })
final class IoCommand extends ImageCommand {
  @Option(
      names = {"-c", "--cmd"},
      paramLabel = "COMMAND",
      description = "Do this; may be repeated.")
  @Nullable List<String> commands;

  @Option(
      names = {"-r", "--read-only"},
      description = "Only read.")
  boolean readOnly;

  @Option(
      names = {"-n", "--nocache"},
      description = "Short for -t none.")
  boolean noCache;

  @Option(
      names = {"-t", "--cache"},
      paramLabel = "MODE",
      description = "none, writeback, writethrough (the default), directsync or unsafe.")
  String cache = "writethrough";

  @Option(
      names = {"-d", "--discard"},
      paramLabel = "MODE",
      description = "ignore or unmap.")
  String discard = "ignore";

  @Option(
      names = {"-s", "--snapshot"},
      description = "Write to a temporary file that is thrown away.")
  boolean snapshot;

  @Option(
      names = {"-C", "--copy-on-read"},
      description = "Keep in the image what is read from its backing files.")
  boolean copyOnRead;

  @Option(
      names = {"-m", "--misalign"},
      description = "Use buffers that begin at no round address.")
  boolean misalign;

  @Option(
      names = {"-k", "--native-aio"},
      description = "Short for -i native.")
  boolean nativeAio;

  @Option(
      names = {"-i", "--aio"},
      paramLabel = "MODE",
      description = "threads, native or io_uring; requests run in threads here whichever is named.")
  String engine = "threads";

  @Option(
      names = {"-T", "--trace"},
      paramLabel = "EVENTS",
      description = {
        "Print each event of this name, in which * is anything. Events are blkdebug's;",
        "QEMU's other trace events do not exist here."
      })
  @Nullable List<String> traces;

  @Parameters(arity = "0..1", paramLabel = "IMAGE", description = "The image.")
  @Nullable String image;

  IoCommand(Terminal terminal) {
    super(terminal);
  }

  /**
   * A disk that commands work on.
   *
   * @param disk what is read and written: the image, perhaps with something before it
   * @param temporary the file that takes the writes and is then deleted, or null
   */
  record Opened(
      OpenedImage image, BlockDevice disk, @Nullable BlockDebug debug, @Nullable Path temporary) {
    void close() throws IOException {
      image.close();
      if (temporary != null) {
        Files.deleteIfExists(temporary);
      }
    }
  }

  /** How a disk is to be opened. */
  record How(boolean readOnly, boolean snapshot, boolean copyOnRead) {}

  private How how() {
    return new How(readOnly, snapshot, copyOnRead);
  }

  private boolean optionsMakeSense() {
    if (!List.of("threads", "native", "io_uring").contains(engine)) {
      terminal.err.println("qemu-io: Invalid aio option: " + engine);
      return false;
    }
    boolean direct = noCache || cache.equals("none") || cache.equals("directsync");
    if ((nativeAio || engine.equals("native")) && !direct) {
      terminal.err.println(
          "qemu-io: can't open device "
              + image
              + ": aio=native was specified, but it requires cache.direct=on, which was not"
              + " specified.");
      return false;
    }
    return true;
  }

  private List<Pattern> traced() {
    List<Pattern> all = new ArrayList<>();
    for (String each : traces == null ? List.<String>of() : traces) {
      Pattern pattern = BlockDebug.trace(each);
      if (pattern == null) {
        terminal.err.println("qemu-io: warning: trace event '" + each + "' does not exist");
      } else {
        all.add(pattern);
      }
    }
    return all;
  }

  @Override
  public Integer call() throws IOException {
    if (!optionsMakeSense()) {
      return 1;
    }
    IoSession session = new IoSession(this, terminal.out, terminal.err);
    try {
      if (image != null && !session.open(image, imageOptions, format, how())) {
        return 1;
      }
      if (commands != null) {
        for (String each : commands) {
          if (!session.run(each)) {
            break;
          }
        }
      } else {
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        prompt();
        for (String line = in.readLine(); line != null && session.run(line); line = in.readLine()) {
          prompt();
        }
      }
      session.settle();
      return session.failed() ? 1 : 0;
    } finally {
      session.close();
    }
  }

  private void prompt() {
    terminal.out.print("qemu-io> ");
    terminal.out.flush();
  }

  /** Opens a disk as a name, as options, or as blkdebug:RULES:NAME. */
  Opened open(String name, boolean byOptions, @Nullable String as, How how) throws IOException {
    Map<String, String> words = byOptions ? parseOptions(List.of(name)) : Map.of();
    List<Map<String, String>> rules = new ArrayList<>();
    Named named;
    boolean debugged = false;
    if (byOptions) {
      boolean below = "blkdebug".equals(words.get("file.driver"));
      boolean top = "blkdebug".equals(words.get("driver"));
      debugged = below || top;
      if (debugged) {
        String prefix = below ? "file." : "";
        rules.addAll(BlockDebug.rules(words, prefix));
        String file = words.remove(prefix + "image.filename");
        file = file == null ? words.remove(prefix + "image.file.filename") : file;
        words.remove(prefix + "align");
        words.remove(prefix + "image.driver");
        String config = words.remove(prefix + "config");
        if (config != null) {
          rules.addAll(BlockDebug.rules(Path.of(config)));
        }
        words.remove("file.driver");
        if (top) {
          words.put("driver", "raw");
        }
        if (file != null) {
          words.put("file.filename", file);
        }
      }
      StringBuilder rest = new StringBuilder();
      words.forEach((k, v) -> rest.append(k).append('=').append(v.replace(",", ",,")).append(','));
      named = named(rest.toString(), as, true);
    } else if (name.startsWith("blkdebug:")) {
      debugged = true;
      String[] parts = name.split(":", 3);
      if (parts.length > 2 && !parts[1].isEmpty()) {
        rules.addAll(BlockDebug.rules(Path.of(parts[1])));
      }
      named = named(parts[parts.length - 1], as, false);
    } else {
      named = named(name, as, false);
    }
    CacheMode mode = cacheMode(noCache ? "none" : cache);
    boolean written = !how.readOnly() && !how.snapshot();
    if (how.copyOnRead() && how.readOnly()) {
      throw new ImageException(
          ImageException.Kind.READ_ONLY, name, "cannot copy what it reads", "leave out -r or -C");
    }
    List<Pattern> traced = traced();
    BlockDebug debug =
        debugged || !traced.isEmpty()
            ? new BlockDebug(terminal.out, terminal.err, new BlockDebug.Plan(rules, traced))
            : null;
    OpenOptions options = options(named, written).withCache(mode);
    OpenedImage opened =
        Images.open(named.path(), debug == null ? options : options.withStorage(debug::over));
    if (opened.device().readOnly() && written) {
      opened.close();
      throw new ImageException(ImageException.Kind.READ_ONLY, name, "can only be read", "give -r");
    }
    Path temporary = null;
    if (how.snapshot() && !how.readOnly()) {
      temporary = Files.createTempFile("satchel-io", ".qcow2");
      opened = above(opened, temporary);
    }
    BlockDevice disk = opened.device();
    if (how.copyOnRead()) {
      disk = new CopyOnRead(disk, (LayeredDevice) opened.chain().getFirst().device());
    }
    return new Opened(opened, disk, debugged ? debug : null, temporary);
  }

  /** The disk with an image over it that takes the writes. */
  private static OpenedImage above(OpenedImage below, Path temporary) throws IOException {
    try {
      HostFile file = HostFile.open(temporary, true, HostFile.Locking.NO);
      Formats.QCOW2.create(
          file,
          Qcow2Options.ofSize(below.device().size())
              .withBacking(below.path().toString(), below.format()));
      Qcow2Device top = Formats.QCOW2.open(file, Purpose.USE, true);
      top.attachBacking(below.device());
      List<Layer> chain = new ArrayList<>(below.chain());
      chain.addFirst(new Layer(temporary, Formats.QCOW2.name(), top.size(), top));
      return new OpenedImage(top, chain);
    } catch (IOException e) {
      below.close();
      Files.deleteIfExists(temporary);
      throw e;
    }
  }
}
