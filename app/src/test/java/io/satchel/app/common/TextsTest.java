package io.satchel.app.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.block.ImageException;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
}
