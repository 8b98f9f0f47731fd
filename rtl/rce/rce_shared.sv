// What lanes that take their beats in step have in common: what a beat's control becomes on its way
// along the segments, and the last registers of operands.
module rce_shared #(
  parameter int unsigned Slots = 4,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned Segments = rce_pkg::Segments,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned OperandsW = 16 * Slots * 8,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned SumsW = Queries * rce_pkg::QuerySumW,
  localparam int unsigned SegmentW = rce_pkg::SegmentW,
  localparam int unsigned ChoicesW = rce_pkg::ChoicesW
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  rce_pkg::beat_t               beat_i,
  input  logic [1:0]                   act_we_i,
  input  logic [4:0]                   act_entry_i,
  input  logic [4*OperandsW-1:0]       act_i,
  input  logic [4*SumsW-1:0]           query_sum_i,
  input  logic [FactorsW-1:0]          factor_i,
  output logic                         clear_o,
  // Operands, a cycle later.
  output logic [1:0]                   we_o,
  output logic [4:0]                   entry_o,
  output logic [4*OperandsW-1:0]       act_o,
  output logic [4*SumsW-1:0]           query_sum_o,
  // Of segments, each at its own time.
  output logic [Segments*SegmentW-1:0] segment_o,
  output logic [Segments*ChoicesW-1:0] choices_o,    // [segment][code mod 4]
  output logic [Segments-1:0]          cascade_o,
  output logic [Segments-1:0]          feedback_o,
  output logic [Segments*FactorsW-1:0] factor_o,     // [segment][query]
  output logic [Groups-1:0]            no_key_o,
  output logic [5*Groups-1:0]          key_entry_o,  // [group], a cycle later
  // Of results.
  output logic                         combines_o,   // two digits, at the time of rce_combine
  output rce_pkg::result_t             result_o
);
  localparam int unsigned CombineStages = rce_pkg::CombineStages;
  localparam int unsigned BeforeCombine = rce_pkg::LaneStages - CombineStages;
  localparam int unsigned ChoiceW = rce_pkg::ChoiceW;
  localparam int unsigned ResultBeatW = rce_pkg::ResultBeatW;

  always_ff @(posedge clk_i) begin
    clear_o <= !rst_ni;
    we_o <= act_we_i;
    entry_o <= act_entry_i;
    act_o <= act_i;
    query_sum_o <= query_sum_i;
  end

  rce_pkg::segment_t segment;
  rce_pkg::choice_t choice;
  rce_control u_control (.clk_i, .beat_i, .segment_o(segment), .choice_o(choice));
  rce_chain u_chain (.clk_i, .clear_i(clear_o), .beat_i, .cascade_o, .feedback_o);

  // Registers clear registers: what is not of this mode is 0.
  logic is_data, no_value_q;
  logic [FactorsW-1:0] factor_q, gated_factor_q, factor;
  assign is_data = beat_i.kind == rce_pkg::KindData;
  always_ff @(posedge clk_i) begin
    no_value_q <= !(is_data && beat_i.mode == rce_pkg::ModeValue);
    factor_q <= factor_i;
    gated_factor_q <= no_value_q ? '0 : factor_q;
  end
  delay_data #(.Width(FactorsW), .Stages(rce_pkg::MultiplyDelay - 1)) u_factor (
    .clk_i, .en_i(1'b1), .data_i(gated_factor_q), .data_o(factor)
  );

  // Segments, and codes of a segment, work a cycle after those before them.
  logic [(Segments-1)*SegmentW-1:0] segments_q;  // all but the first
  logic [(Segments-1)*FactorsW-1:0] factors_q;
  logic [Segments*ChoicesW-1:0] choices_q;
  assign segment_o = {segments_q, segment};
  assign factor_o = {factors_q, factor};
  assign choices_o = choices_q;
  always_ff @(posedge clk_i) begin
    segments_q <= segment_o[(Segments-1)*SegmentW-1:0];
    factors_q <= factor_o[(Segments-1)*FactorsW-1:0];
  end
  for (genvar j = 0; j < Segments; j++) begin : gen_segment
    logic [ChoiceW-1:0] coming;
    if (j == 0) begin : gen_first
      assign coming = choice;
    end else begin : gen_next
      assign coming = choices_q[ChoicesW*(j-1) +: ChoiceW];
    end
    always_ff @(posedge clk_i) begin
      choices_q[ChoicesW*j +: ChoicesW] <= {choices_q[ChoicesW*j +: 3*ChoiceW], coming};
    end
  end

  // Entries of zero points: whether group g has one comes ZeroDelay + 2 g cycles after beat_i.
  logic [6*Groups-1:0] entries;  // [group]: no key; its entry
  delay_line #(.Width(6), .Stages(rce_pkg::ZeroDelay)) u_entry (
    .clk_i, .clear_i(clear_o),
    .data_i({!(is_data && beat_i.mode == rce_pkg::ModeKey), beat_i.entry}),
    .data_o(entries[0 +: 6])
  );
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    if (g > 0) begin : gen_later
      delay_line #(.Width(6), .Stages(2)) u_entry (
        .clk_i, .clear_i(clear_o), .data_i(entries[6*(g-1) +: 6]), .data_o(entries[6*g +: 6])
      );
    end
    assign no_key_o[g] = entries[6*g+5];
    always_ff @(posedge clk_i) key_entry_o[5*g +: 5] <= entries[6*g +: 5];
  end

  rce_pkg::result_t result, combined;
  assign result = {beat_i.kind, beat_i.mode, beat_i.beat, beat_i.row, beat_i.start, beat_i.last,
                   beat_i.split, beat_i.upper};
  delay_line #(.Width(ResultBeatW + 1), .Stages(BeforeCombine)) u_result (
    .clk_i, .clear_i(clear_o), .data_i({beat_i.mode != rce_pkg::ModeSparse24, result}),
    .data_o({combines_o, combined})
  );
  delay_line #(.Width(ResultBeatW), .Stages(CombineStages)) u_combined (
    .clk_i, .clear_i(clear_o), .data_i(combined), .data_o(result_o)
  );
endmodule
