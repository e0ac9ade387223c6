package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.resources.Texts;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The window and the command line's help call the same things by the same words. */
class GlossaryTest {

  private static final String FOLDER = "/io/satchel/resources/i18n/";

  private static Properties read(String name) throws IOException {
    Properties read = new Properties();
    try (InputStream in = Texts.class.getResourceAsStream(FOLDER + name + ".properties")) {
      assertThat(in).as(name).isNotNull();
      try (Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
        read.load(reader);
      }
    }
    return read;
  }

  /** What is said, by where: the window's texts by their keys, and each page of help. */
  private static Map<String, String> window(String suffix) throws IOException {
    Map<String, String> said = new TreeMap<>();
    read("messages" + suffix).forEach((key, text) -> said.put("" + key, "" + text));
    return said;
  }

  private static Map<String, String> help() {
    Map<String, String> said = new TreeMap<>();
    for (String[] page : new String[][] {{"--help"}, {"run", "--help"}, {"img", "--help"}}) {
      CommandLineRun run = CommandLineRun.of(page);
      assertThat(run.status()).isZero();
      // An option's name and what stands for a value are no words of a sentence.
      String words = (run.out() + run.err()).replaceAll("--?[a-z][-a-z]*(=\\S*)?", " ");
      said.put("satchel " + String.join(" ", page), words.replaceAll("\\s+", " "));
    }
    return said;
  }

  private static List<String> wrong(Properties glossary, Map<String, String> said, boolean latin) {
    List<String> wrong = new ArrayList<>();
    for (String term : glossary.stringPropertyNames()) {
      for (String synonym : glossary.getProperty(term).split(",\\s*")) {
        String edge = latin ? "\\b" : "";
        Pattern word =
            Pattern.compile(
                edge + Pattern.quote(synonym) + edge,
                Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
        said.forEach(
            (where, text) -> {
              if (word.matcher(text).find()) {
                wrong.add(where + ": \"" + synonym + "\" for \"" + term + "\": " + text);
              }
            });
      }
    }
    return wrong;
  }

  @Test
  void helpAndWindowUseTheSameWords() throws IOException {
    Properties glossary = read("glossary");
    assertThat(wrong(glossary, help(), true)).isEmpty();
    assertThat(wrong(glossary, window(""), true)).isEmpty();
  }

  @Test
  void theWindowUsesTheSameWordsInChinese() throws IOException {
    assertThat(wrong(read("glossary_zh_CN"), window("_zh_CN"), false)).isEmpty();
  }

  @Test
  void everyWordOfTheGlossaryIsUsed() throws IOException {
    String english = String.join("\n", window("").values()).toLowerCase(java.util.Locale.ROOT);
    read("glossary").stringPropertyNames().forEach(term -> assertThat(english).contains(term));
    String chinese = String.join("\n", window("_zh_CN").values());
    read("glossary_zh_CN")
        .stringPropertyNames()
        .forEach(term -> assertThat(chinese).contains(term));
    String help = String.join("\n", help().values()).toLowerCase(java.util.Locale.ROOT);
    for (String shared : new String[] {"computer", "snapshot", "image", "floppy", "memory"}) {
      assertThat(help).contains(shared);
    }
  }

  /** The proof that the others can fail. */
  @Test
  void anotherWordIsSeen() throws IOException {
    Map<String, String> said = Map.of("here", "Start the virtual machine from a checkpoint.");
    assertThat(wrong(read("glossary"), said, true)).hasSize(2);
  }
}
