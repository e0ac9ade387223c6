package io.satchel.app.common;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.block.ImageException;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.text.MessageFormat;
import java.util.Locale;
import java.util.Properties;
import org.junit.jupiter.api.Test;

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
