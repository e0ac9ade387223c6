package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
      description = "none, writeback, writethrough, directsync or unsafe.")
  String cache = "writeback";

  @Option(
      names = {"-d", "--discard"},
      paramLabel = "MODE",
      description = "ignore or unmap.")
  String discard = "ignore";

  @Option(
      names = {"-m", "--misalign", "-k", "--native-aio", "-C", "--copy-on-read"},
      hidden = true)
  boolean ignored;

  @Option(
      names = {"-i", "--aio"},
      hidden = true)
  @Nullable String engine;

  @Parameters(arity = "0..1", paramLabel = "IMAGE", description = "The image.")
  @Nullable String image;

  IoCommand(Terminal terminal) {
    super(terminal);
  }

  /** A disk that commands work on. */
  record Opened(OpenedImage image, @Nullable BlockDebug debug) {}

  @Override
  public Integer call() throws IOException {
    IoSession session = new IoSession(this, terminal.out, terminal.err);
    try {
      if (image != null && !session.open(image, imageOptions, format, readOnly)) {
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
  Opened open(String name, boolean byOptions, @Nullable String as, boolean onlyRead)
      throws IOException {
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
    OpenOptions how = options(named, !onlyRead).withCache(mode);
    OpenedImage opened = Images.open(named.path(), how);
    if (opened.device().readOnly() && !onlyRead) {
      opened.close();
      throw new ImageException(ImageException.Kind.READ_ONLY, name, "can only be read", "give -r");
    }
    return new Opened(
        opened, debugged ? new BlockDebug(opened.device(), terminal.out, rules) : null);
  }
}
