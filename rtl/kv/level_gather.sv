// Levels of a chunk, one group of dimensions, in the order of the engine's operands: rows of the
// chunk come one after another from the lanes that have its tokens, and stay.
module level_gather #(
  parameter int unsigned Lanes = 2,    // that have the chunk's tokens
  parameter int unsigned SplitLanes = 2,  // the same where a beat of keys has two tokens, the first
  parameter int unsigned Queries = 2,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned LevelW = kv_pkg::LevelW,
  localparam int unsigned LaneW = Queries * Groups * LevelW,
  localparam int unsigned RowW = 5,
  localparam int unsigned LineW = 4 * 16 * Queries * 8
) (
  input  logic                        clk_i,
  input  logic                        valid_i,
  input  logic [RowW-1:0]             row_i,         // of the chunk
  input  logic                        split_i,
  input  logic [1:0]                  group_i,
  input  logic [LaneW*Lanes-1:0]      level_i,       // [lane][query][group]
  input  logic [LaneW*SplitLanes-1:0] split_level_i, // of the lanes that have it with split
  output logic [LineW-1:0]            line_o         // [bus][code][position][query], a cycle later
);
  localparam int unsigned Tokens = 32;
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    for (genvar t = 0; t < Tokens; t++) begin : gen_token
      localparam int unsigned Lane = t % Lanes;
      localparam int unsigned Row = t / Lanes;
      localparam int unsigned SplitLane = t / 2 % SplitLanes;
      localparam int unsigned SplitRow = t / 2 / SplitLanes;
      localparam int unsigned Half = t % 2;
      logic [Groups*LevelW-1:0] levels, split_levels;
      logic [LevelW-1:0]        level_q;
      assign levels       = level_i[LaneW*Lane+Groups*LevelW*q +: Groups*LevelW];
      assign split_levels = split_level_i[LaneW*SplitLane+Groups*LevelW*q +: Groups*LevelW];
      always_ff @(posedge clk_i) begin
        if (valid_i && row_i == (split_i ? RowW'(SplitRow) : RowW'(Row))) begin
          level_q <= split_i ? split_levels[LevelW*{Half[0], group_i[0]} +: LevelW]
                             : levels[LevelW*group_i +: LevelW];
        end
      end
      // Buses 0 and 1 have the tokens of a dimension, 2 and 3 those of the next: the same.
      for (genvar d = 0; d < 2; d++) begin : gen_dimension
        localparam int unsigned Bus = 2 * d + t / 8 % 2;
        localparam int unsigned Place = ((Bus * 8 + t % 8) * 2 + t / 16) * Queries + q;
        assign line_o[8*Place +: 8] = {1'b0, level_q};
      end
    end
  end
  logic unused;
  assign unused = ^{level_i, split_level_i};
endmodule
