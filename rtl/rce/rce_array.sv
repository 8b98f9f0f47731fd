// The engine: lanes that take a beat each in step, what stands before each of them, and the way of
// their operands and sums. Up to eight lanes are a cluster: values of theirs are of one group of
// dimensions, so they share operands of attention. Four lanes share registers (rce_quad).
module rce_array #(
  parameter int unsigned Lanes       = 4,    // a power of two
  parameter int unsigned Slots       = 4,
  parameter int unsigned BufferBeats = 512,  // in front of a lane
  localparam int unsigned Queries  = Slots / 2,
  localparam int unsigned SlotW    = $clog2(Slots),
  localparam int unsigned Cluster  = Lanes < 8 ? Lanes : 8,
  localparam int unsigned Clusters = Lanes / Cluster,
  localparam int unsigned Quad     = Lanes < 4 ? Lanes : 4,
  localparam int unsigned Parts    = Lanes < 16 ? 1 : Lanes / 16,
  localparam int unsigned BeatW    = rce_pkg::Segments * 64,
  localparam int unsigned LineW    = 4 * 8 * Slots * 8,
  localparam int unsigned SumsW    = rce_pkg::Groups * Queries * rce_pkg::QuerySumW,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned ProductsW = Queries * rce_pkg::DspW,
  localparam int unsigned LowersW   = Queries * rce_pkg::ResultW,
  localparam int unsigned CountW    = $clog2(BufferBeats) + 1
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  // Beats from the channels.
  input  logic [Lanes-1:0]            valid_i,
  input  logic [BeatW*Lanes-1:0]      beats_i,        // [lane]
  output logic [CountW-1:0]           freed_o,        // that have left, of each lane
  // What all lanes do: stream_buffer and rce_quad say more.
  output logic                        valid_o,        // all have a beat
  input  logic                        read_i,
  input  logic                        pop_i,
  input  logic                        mark_i,
  input  logic                        rewind_i,
  input  rce_pkg::beat_t              beat_i,
  output logic [BeatW*Lanes-1:0]      word_o,         // [lane][segment]
  // Operands: of weights; of attention, whose lines are those of clusters.
  input  logic [1:0]                  we_i,
  input  logic [4:0]                  entry_i,
  input  logic [LineW-1:0]            line_i,
  input  logic [1:0]                  attention_we_i,
  input  logic [4:0]                  attention_entry_i,
  input  logic [Clusters*LineW-1:0]   attention_line_i,
  input  logic [SumsW-1:0]            query_sum_i,
  input  logic [16*Lanes-1:0]         key_multiplier_i,
  input  logic [32*Lanes-1:0]         coefficient_i,
  input  logic [Parts*FactorsW-1:0]   factor_i,
  // Products of attention.
  output rce_pkg::result_t            result_o,
  output logic [Lanes*ProductsW-1:0]  product_o,      // [lane][query]
  output logic [Lanes*LowersW-1:0]    lower_o,
  // Sums of weights.
  input  logic [SlotW-1:0]            last_token_i,
  output logic                        sum_valid_o,
  input  logic                        sum_ready_i,
  output logic [SlotW-1:0]            sum_token_o,
  output logic [2:0]                  sum_row_o,
  output logic                        drained_o,
  output logic [32*Lanes-1:0]         sum_o           // [lane]
);
  logic                        is_attention;
  logic [2*Clusters-1:0]       act_we;
  logic [5*Clusters-1:0]       act_entry;
  logic [2*LineW*Clusters-1:0] act;
  logic [SumsW*Clusters-1:0]   query_sums;
  assign is_attention = attention_we_i != '0;
  for (genvar c = 0; c < Clusters; c++) begin : gen_cluster
    rce_feed #(.Slots(Slots)) u_feed (
      .clk_i, .we_i(we_i | attention_we_i), .entry_i(is_attention ? attention_entry_i : entry_i),
      .by_position_i(is_attention),
      .line_i(is_attention ? attention_line_i[LineW*c +: LineW] : line_i), .query_sum_i,
      .act_we_o(act_we[2*c +: 2]), .act_entry_o(act_entry[5*c +: 5]),
      .act_o(act[2*LineW*c +: 2*LineW]), .query_sum_o(query_sums[SumsW*c +: SumsW])
    );
  end

  localparam int unsigned ResultBeatW = rce_pkg::ResultBeatW;
  logic                         read_set, read_upper;
  logic [2:0]                   read_row;
  logic [SlotW-1:0]             read_slot;
  logic [Lanes-1:0]             has_beat;
  logic [CountW*Lanes-1:0]      marks;
  logic [Lanes/Quad-1:0]        sets;
  logic [ResultBeatW*(Lanes/Quad)-1:0] results;
  assign valid_o = &has_beat;
  assign freed_o = marks[CountW-1:0];  // they take beats together
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    stream_buffer #(.Depth(BufferBeats)) u_buffer (
      .clk_i, .rst_ni, .valid_i(valid_i[l]), .beat_i(beats_i[BeatW*l +: BeatW]),
      .mark_o(marks[CountW*l +: CountW]), .valid_o(has_beat[l]), .read_i, .pop_i, .mark_i,
      .rewind_i, .word_o(word_o[BeatW*l +: BeatW])
    );
  end
  for (genvar q = 0; q < Lanes / Quad; q++) begin : gen_quad
    localparam int unsigned L = q * Quad;  // its first lane
    localparam int unsigned C = L / Cluster;
    rce_quad #(.Lanes(Quad), .Slots(Slots)) u_quad (
      .clk_i, .rst_ni, .beat_i, .word_i(word_o[BeatW*L +: BeatW*Quad]),
      .act_we_i(act_we[2*C +: 2]), .act_entry_i(act_entry[5*C +: 5]),
      .act_i(act[2*LineW*C +: 2*LineW]), .query_sum_i(query_sums[SumsW*C +: SumsW]),
      .key_multiplier_i(key_multiplier_i[16*L +: 16*Quad]),
      .coefficient_i(coefficient_i[32*L +: 32*Quad]),
      .factor_i(factor_i[FactorsW*(L/16) +: FactorsW]),
      .result_o(results[ResultBeatW*q +: ResultBeatW]),
      .product_o(product_o[ProductsW*L +: ProductsW*Quad]),
      .lower_o(lower_o[LowersW*L +: LowersW*Quad]), .set_o(sets[q]), .read_set_i(read_set),
      .read_upper_i(read_upper), .read_row_i(read_row), .read_slot_i(read_slot),
      .sum_o(sum_o[32*L +: 32*Quad])
    );
  end

  // All lanes have their results at the same time.
  assign result_o = results[ResultBeatW-1:0];
  rce_drain #(.Slots(Slots)) u_drain (
    .clk_i, .rst_ni,
    .done_i(result_o.kind == rce_pkg::KindData && !result_o.mode[2] && result_o.last),
    .set_i(sets[0]), .last_token_i, .halves_i(result_o.mode != rce_pkg::ModeSparse24),
    .read_set_o(read_set), .read_upper_o(read_upper), .read_row_o(read_row),
    .read_slot_o(read_slot), .valid_o(sum_valid_o), .ready_i(sum_ready_i), .token_o(sum_token_o),
    .row_o(sum_row_o), .drained_o
  );

  logic unused;
  assign unused = ^{sets, results, marks};
endmodule
