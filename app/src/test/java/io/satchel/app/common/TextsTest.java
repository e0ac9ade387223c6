package io.satchel.app.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.block.ImageException;
import io.satchel.resources.Texts;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TextsTest {

  private static final String BUNDLE = "/io/satchel/resources/i18n/messages";

  private static Properties read(String suffix) throws IOException {
    Properties texts = new Properties();
    try (InputStream in = Texts.class.getResourceAsStream(BUNDLE + suffix + ".properties")) {
      assertThat(in).isNotNull();
      try (Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
        texts.load(reader);
      }
    }
    return texts;
  }

  @Test
  void bothLanguagesHaveTheSameTexts() throws IOException {
    assertThat(read("_zh_CN").stringPropertyNames()).isEqualTo(read("").stringPropertyNames());
    assertThat(read("")).hasSizeGreaterThan(300);
  }

  @Test
  void bothLanguagesPutTheSameThingsIn() throws IOException {
    Properties english = read("");
    Properties chinese = read("_zh_CN");
    for (String key : english.stringPropertyNames()) {
      assertThat(places(chinese.getProperty(key)))
          .as(key)
          .isEqualTo(places(english.getProperty(key)));
    }
  }

  private static int places(String text) {
    return new MessageFormat(text, Locale.ROOT).getFormatsByArgumentIndex().length;
  }

  @Test
  void noTextLosesAnApostrophe() throws IOException {
    for (String suffix : new String[] {"", "_zh_CN"}) {
      Properties texts = read(suffix);
      for (String key : texts.stringPropertyNames()) {
        assertThat(texts.getProperty(key).replace("''", "")).as(key).doesNotContain("'");
      }
    }
  }

  @Test
  void chineseIsReadByEveryoneWhoReadsChinese() {
    assertThat(new Texts(Locale.CHINESE).get("library.open")).startsWith("打开");
    assertThat(new Texts(Locale.SIMPLIFIED_CHINESE).get("library.open")).startsWith("打开");
    assertThat(new Texts(Locale.GERMAN).get("library.open")).startsWith("Open");
  }

  @Test
  void whatComesUpOftenIsSaidInChineseAltogether(@TempDir Path folder) throws IOException {
    Path image = folder.resolve("磁盘.qcow2");
    Images.create(image, "qcow2", 1 << 20, Map.of());
    List<IOException> problems = new ArrayList<>();
    problems.add(problem(folder.resolve("没有.img"), OpenOptions.readOnly()));
    problems.add(problem(Files.createFile(folder.resolve("空.img")), OpenOptions.readOnly()));
    problems.add(problem(Files.createDirectory(folder.resolve("夹")), OpenOptions.readOnly()));
    try (OpenedImage held = Images.open(image, OpenOptions.forWriting())) {
      assertThat(held.device().size()).isPositive();
      problems.add(problem(image, OpenOptions.forWriting()));
    }
    Path top = folder.resolve("上.qcow2");
    Overlay.create(top, image);
    Files.delete(image);
    problems.add(problem(top, OpenOptions.readOnly()));
    Texts chinese = new Texts(Locale.CHINESE);
    for (IOException each : problems) {
      String particulars = Sentences.of(chinese, each).replaceFirst("(?s).*详情：", "");
      assertThat(particulars.replace(folder.toString(), "").replaceAll("\\.(img|qcow2)", ""))
          .as(each.getMessage())
          .doesNotContainPattern("[a-z]{4,}");
    }
  }

  private static IOException problem(Path image, OpenOptions options) {
    return Objects.requireNonNull(
        catchThrowableOfType(IOException.class, () -> Images.open(image, options).close()));
  }

  @Test
  void everyKindOfErrorIsSaidInBothLanguages() {
    Texts chinese = new Texts(Locale.CHINESE);
    for (ImageException.Kind kind : ImageException.Kind.values()) {
      ImageException problem = new ImageException(kind, "old.img", "is odd", "choose another");
      assertThat(Sentences.of(chinese, problem))
          .contains("old.img", "详情：")
          .doesNotStartWith("old.img is odd");
      assertThat(Sentences.of(new Texts(Locale.ENGLISH), problem))
          .isEqualTo("old.img is odd; choose another.");
    }
  }

  /** The refusals as java.io and java.nio give them, with the reasons of a C library. */
  static List<Arguments> refusals() {
    String file = "/old/pc.img";
    List<Arguments> all = new ArrayList<>();
    all.add(Arguments.of(new NoSuchFileException(file), "missing"));
    all.add(Arguments.of(new AccessDeniedException(file), "unreadable"));
    all.add(Arguments.of(new FileAlreadyExistsException(file), "exists"));
    all.add(Arguments.of(new NotDirectoryException(file), "not_directory"));
    all.add(Arguments.of(new DirectoryNotEmptyException(file), "directory"));
    Map<String, String> reasons =
        Map.ofEntries(
            Map.entry("No space left on device", "no_space"),
            Map.entry("Disk quota exceeded", "no_space"),
            Map.entry("There is not enough space on the disk", "no_space"),
            Map.entry("Read-only file system", "read_only"),
            Map.entry("The media is write protected", "read_only"),
            Map.entry("Operation not permitted", "unreadable"),
            Map.entry("Permission denied", "unreadable"),
            Map.entry("Access is denied", "unreadable"),
            Map.entry("No such file or directory", "missing"),
            Map.entry("The system cannot find the path specified", "missing"),
            Map.entry("Is a directory", "directory"),
            Map.entry("Not a directory", "not_directory"),
            Map.entry("File name too long", "long_name"),
            Map.entry("Too many open files", "many_files"),
            Map.entry("Text file busy", "in_use"),
            Map.entry(
                "The process cannot access the file because it is being used by another process",
                "in_use"),
            Map.entry("Input/output error", "broken_device"));
    reasons.forEach(
        (reason, key) -> {
          all.add(Arguments.of(new FileSystemException(file, null, reason), key));
          all.add(Arguments.of(new FileNotFoundException(file + " (" + reason + ")"), key));
          all.add(Arguments.of(new IOException(reason), key));
        });
    return all;
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatTheHostRefusesIsSaidInBothLanguages(IOException problem, String key) {
    for (Locale locale : List.of(Locale.ENGLISH, Locale.CHINESE)) {
      Texts texts = new Texts(locale);
      boolean named = String.valueOf(problem.getMessage()).startsWith("/old/pc.img");
      assertThat(Sentences.of(texts, problem))
          .isEqualTo(
              named
                  ? texts.get("error.kind." + key, "/old/pc.img")
                  : texts.get("error.host." + key));
    }
  }

  @Test
  void whatTheHostSaysInOtherWordsIsStillSaid() {
    FileSystemException odd = new FileSystemException("/old/pc.img", null, "Kaputt");
    assertThat(Sentences.of(odd)).isEqualTo("/old/pc.img cannot be used: Kaputt.");
    assertThat(Sentences.of(new Texts(Locale.CHINESE), odd)).contains("/old/pc.img", "Kaputt");
    assertThat(Sentences.of(new IOException())).contains("IOException");
  }

  @Test
  void aProblemOfTheProgramsIsSaidInTheReadersLanguage() {
    Problem problem = new Problem("problem.disks.many", Path.of("d.img"), 3);
    assertThat(problem).hasMessage("d.img is one disk too many; a machine takes 3.");
    assertThat(Sentences.of(problem)).isEqualTo(problem.getMessage());
    assertThat(Sentences.of(new Texts(Locale.CHINESE), problem)).contains("d.img", "磁盘");
  }
}
