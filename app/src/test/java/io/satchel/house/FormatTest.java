package io.satchel.house;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions.Style;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Holds every source file to google-java-format; {@code -Dformat.write=true} mends them instead.
 */
class FormatTest {

  @Test
  void everySourceFileIsFormatted() throws Exception {
    boolean write = Boolean.getBoolean("format.write");
    Formatter formatter = new Formatter();
    List<Path> files = SourceTree.javaFiles();
    assertThat(files).as("the scan found the sources").hasSizeGreaterThan(30);
    List<Path> unformatted = new ArrayList<>();
    for (Path file : files) {
      String source = Files.readString(file);
      String formatted =
          formatter.formatSource(
              RemoveUnusedImports.removeUnusedImports(
                  ImportOrderer.reorderImports(source, Style.GOOGLE)));
      if (!formatted.equals(source)) {
        if (write) {
          Files.writeString(file, formatted);
        } else {
          unformatted.add(SourceTree.root().relativize(file));
        }
      }
    }
    assertThat(unformatted)
        .as("run: mvn test -pl app -am -Dtest=FormatTest -Dformat.write=true")
        .isEmpty();
  }
}
