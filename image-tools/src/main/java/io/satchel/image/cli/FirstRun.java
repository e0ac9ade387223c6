package io.satchel.image.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Runs the usual commands once on a small image, so that the JVM can save what they load ({@code
 * -XX:AOTCacheOutput}) and a later command starts in half the time. The starter calls it after a
 * build.
 */
final class FirstRun {
  private static final String SIZE = "8M";

  private FirstRun() {}

  /** Takes the folder to work in; nothing is left there. */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createTempDirectory(Path.of(args[0]), "first-run");
    PrintStream nowhere =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    String raw = folder.resolve("a.raw").toString();
    String image = folder.resolve("a.qcow2").toString();
    String packed = folder.resolve("b.qcow2").toString();
    String over = folder.resolve("c.qcow2").toString();
    String[][] commands = {
      {"--help"},
      {"create", "-f", "qcow2", image, SIZE},
      {"io", "-c", "write -P 7 0 3M", image},
      {"info", image},
      {"info", "--output=json", image},
      {"convert", "-O", "raw", image, raw},
      {"convert", "-O", "qcow2", raw, image},
      {"convert", "-c", "-O", "qcow2", image, packed},
      {"convert", "-c", "-O", "qcow2", packed, over},
      {"convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", image, packed},
      {"compare", raw, image},
      {"check", image},
      {"map", image},
      {"snapshot", "-l", image},
      {"create", "-f", "qcow2", "-F", "qcow2", "-b", image, over},
      {"io", "-c", "write -P 9 1M 1M", over},
      {"commit", over},
      {"rebase", "-b", "", over},
      {"resize", over, "9M"},
      {"compact", over},
      {"inspect", over},
    };
    try {
      for (String[] command : commands) {
        ImgCommand.run(nowhere, nowhere, command);
      }
    } finally {
      for (String each : new String[] {raw, image, packed, over}) {
        Files.deleteIfExists(Path.of(each));
      }
      Files.delete(folder);
    }
  }
}
