// What lies beside a lane's keys: groups and scales of keys and values, for four beats at a time.
//
// A beat of records and those of its keys come in one stream, a beat a cycle if they like. Each
// segment keeps its own word, so nothing waits: segment j's word comes j + 1 cycles after the beat,
// as for the engine.
module key_records (
  input  logic         clk_i,
  input  logic         record_i,          // the beat is one of records
  input  logic [1:0]   index_i,           // the beat of keys: which of the four
  input  logic [511:0] word_i,            // [segment]
  // To the engine.
  output logic [15:0]  key_multiplier_o,  // [group], group g's 2 g + 1 cycles after the beat
  output logic [31:0]  coefficient_o,     // [group], a cycle later: multiplier * (8 - zero)
  // All of a beat of keys at once, RecordStage after it.
  output logic [31:0]  key_scale_o,       // [token of the beat], binary16
  output logic [31:0]  value_scale_o,     // the same
  output logic [31:0]  value_group_o      // [group]: zero point and multiplier
);
  localparam int unsigned Segments = rce_pkg::Segments;
  localparam int unsigned CoefficientW = rce_pkg::CoefficientW;
  if (kv_pkg::RecordStage != Segments + 1) begin : gen_check_stage
    $error("the last segment's word comes after as many cycles as there are segments");
  end

  logic [Segments*3-1:0] controls;  // [segment]: record, index; when its word is there
  always_ff @(posedge clk_i) controls <= {controls[3*(Segments-1)-1:0], record_i, index_i};

  for (genvar j = 0; j < Segments; j++) begin : gen_segment
    logic [63:0] word_q;
    logic [15:0] part;
    logic        is_record;
    logic [1:0]  index;
    assign {is_record, index} = controls[3*j +: 3];
    always_ff @(posedge clk_i) begin
      if (is_record) word_q <= word_i[64*j +: 64];
    end
    assign part = word_q[16*index +: 16];
    if (j % 2 == 0) begin : gen_groups
      localparam int unsigned Group = j / 2;
      logic signed [CoefficientW-1:0] multiplier, offset;
      assign multiplier = {4'd0, part[3:0]};
      assign offset     = 8'sd8 - $signed({4'd0, part[7:4]});
      assign key_multiplier_o[4*Group +: 4] = part[3:0];
      always_ff @(posedge clk_i) begin
        coefficient_o[CoefficientW*Group +: CoefficientW] <= multiplier * offset;
      end
      delay_data #(.Width(8), .Stages(Segments - j)) u_value (
        .clk_i, .en_i(1'b1), .data_i(part[15:8]), .data_o(value_group_o[8*Group +: 8])
      );
    end else begin : gen_scale
      logic [15:0] scale;
      delay_data #(.Width(16), .Stages(Segments - j)) u_scale (
        .clk_i, .en_i(1'b1), .data_i(part), .data_o(scale)
      );
      if (j % 4 == 1) begin : gen_key
        assign key_scale_o[16*(j/4) +: 16] = scale;
      end else begin : gen_value
        assign value_scale_o[16*(j/4) +: 16] = scale;
      end
    end
  end
endmodule
